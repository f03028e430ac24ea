"""A shop as a Django project models it, with most of what Django's fields and keys can be."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import User
from django.db import models


class Country(models.Model):
    code = models.CharField(max_length=2, primary_key=True)
    name = models.CharField(max_length=80, unique=True)


class Supplier(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=120, db_index=True)
    homepage = models.URLField(blank=True)
    country = models.ForeignKey(Country, models.PROTECT)


class Category(models.Model):
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")
    slug = models.SlugField()
    name = models.CharField(max_length=100)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["parent", "slug"], name="sibling"),)


class Tag(models.Model):
    label = models.CharField(max_length=40, unique=True)


class Product(models.Model):
    class State(models.TextChoices):
        DRAFT = "draft"
        SOLD = "sold"

    sku = models.CharField(max_length=20, unique=True)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    price = models.DecimalField(max_digits=12, decimal_places=2)
    weight = models.FloatField(null=True)
    stock = models.PositiveIntegerField(default=0)
    active = models.BooleanField(default=True)
    rated = models.BooleanField(null=True)
    attributes = models.JSONField(default=dict)
    extra = models.JSONField(null=True)
    released = models.DateField(null=True)
    created = models.DateTimeField()
    picture = models.BinaryField(null=True)
    supplier = models.ForeignKey(Supplier, models.SET_NULL, null=True)
    categories = models.ManyToManyField(Category)
    tags = models.ManyToManyField(Tag, through="Labelling")

    class Meta:
        indexes = (
            models.Index(fields=["state", "-created"], name="state_created"),
            models.Index(fields=["price"], name="price"),
        )


class Labelling(models.Model):
    product = models.ForeignKey(Product, models.CASCADE)
    tag = models.ForeignKey(Tag, models.CASCADE)
    weight = models.SmallIntegerField(default=1)

    class Meta:
        unique_together = (("product", "tag"),)


class Warranty(models.Model):
    product = models.OneToOneField(Product, models.CASCADE, primary_key=True)
    lasts = models.DurationField()
    function = models.CharField(max_length=30)


class Customer(models.Model):
    user = models.OneToOneField(User, models.CASCADE)
    favourite = models.ForeignKey("Order", models.SET_NULL, null=True, related_name="+")
    opens = models.TimeField(null=True)
    points = models.BigIntegerField(default=0)


class Order(models.Model):
    reference = models.UUIDField(default=uuid.uuid4, unique=True)
    customer = models.ForeignKey(Customer, models.CASCADE)
    placed = models.DateTimeField(db_index=True)
    total = models.DecimalField(max_digits=20, decimal_places=4)
    note = models.CharField(max_length=300, null=True)


class OrderLine(models.Model):
    order = models.ForeignKey(Order, models.CASCADE)
    product = models.ForeignKey(Product, models.PROTECT)
    quantity = models.PositiveSmallIntegerField()

    class Meta:
        unique_together = (("order", "product"),)
        constraints = (
            models.CheckConstraint(condition=models.Q(quantity__gte=1), name="at_least_one"),
        )


class Employee(models.Model):
    name = models.CharField(max_length=80)
    manager = models.ForeignKey("self", models.SET_NULL, null=True)
    knows = models.ManyToManyField("self")
