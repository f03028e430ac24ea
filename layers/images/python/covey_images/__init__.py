"""Pictures, for the one function that has Pillow.

pictures.py   decode, bound, write anew, make small
"""
