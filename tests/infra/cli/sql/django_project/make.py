"""Migrates and fills a database: ``make.py FILE ROWS``. Runs in a process of its own."""

from __future__ import annotations

import random
import sys
import tempfile
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command


def configure(database: Path, migrations: Path) -> None:
    (migrations / "shop_migrations").mkdir()
    (migrations / "shop_migrations" / "__init__.py").touch()
    sys.path[:0] = [str(Path(__file__).parent), str(migrations)]
    settings.configure(
        SECRET_KEY="only for a test",
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        MIGRATION_MODULES={"shop": "shop_migrations"},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.admin",
            "shop",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
    )
    django.setup()
    call_command("makemigrations", "shop", verbosity=0)
    call_command("migrate", verbosity=0)


def fill(rows: int) -> None:
    from django.contrib.auth.models import User
    from shop import models as shop

    rng = random.Random(11)
    moment = datetime(2024, 2, 29, 23, 59, 58, 123456, UTC)
    countries = [
        shop.Country.objects.create(code=code, name=name)
        for code, name in [("DE", "Deutschland"), ("JP", "日本"), ("CI", "Côte d’Ivoire")]
    ]
    suppliers = [
        shop.Supplier.objects.create(
            id=uuid.UUID(int=n + 1), name=f"Händler {n} 🦆", country=countries[n % 3]
        )
        for n in range(5)
    ]
    root = shop.Category.objects.create(slug="all", name="Всё")
    below = [
        shop.Category.objects.create(slug=f"c-{n}", name=f"C {n}", parent=root) for n in range(4)
    ]
    # A parent that comes after its child, as it is after a tree was moved.
    late = shop.Category.objects.create(slug="late", name="Late")
    shop.Category.objects.filter(pk=below[0].pk).update(parent=late)
    tags = [shop.Tag.objects.create(label=label) for label in ("new", "naïve ☕", "import", "a/b")]
    products = [
        shop.Product(
            sku=f"SKU-{n:05}",
            title=rng.choice(["Ente", "カモ", "utka 'quoted' \"double\"", "a\\b\tc\n"]) + str(n),
            description="x" * (n % 50),
            state=("draft", "sold")[n % 2],
            price=Decimal(rng.randrange(10**9)) / 100,
            weight=None if n % 3 else rng.random() * 1e6,
            stock=n,
            active=n % 2 == 0,
            rated=(None, True, False)[n % 3],
            attributes={"größe": n, "deep": [{"a": [1, 2.5, None, True]}], "n": 1e-7},
            extra=None if n % 2 else [n, "text"],
            released=None if n % 4 == 0 else date(2000, 1, 1) + timedelta(days=n),
            created=moment + timedelta(minutes=n, microseconds=n),
            picture=None if n % 5 else bytes(range(n % 256)),
            supplier=None if n % 7 == 0 else suppliers[n % 5],
        )
        for n in range(rows)
    ]
    shop.Product.objects.bulk_create(products)
    for n, product in enumerate(products[:40]):
        product.categories.set(below[: n % 4])
        shop.Labelling.objects.create(product=product, tag=tags[n % 4], weight=-n)
    for n, product in enumerate(products[:20]):
        shop.Warranty.objects.create(
            product=product, lasts=timedelta(days=n, microseconds=5), function=f"f{n}"
        )
    for n in range(12):
        user = User.objects.create_user(f"user{n}", f"u{n}@example.org", "a secret password")
        customer = shop.Customer.objects.create(user=user, opens=time(9, n), points=2**62 + n)
        for m in range(n % 4):
            order = shop.Order.objects.create(
                customer=customer,
                placed=moment + timedelta(days=m),
                total=Decimal("12345678.1234") + n,
                note=None if m else "",
            )
            customer.favourite = order
            for product in products[m * 3 : m * 3 + 3]:
                shop.OrderLine.objects.create(order=order, product=product, quantity=m + 1)
        customer.save()
    people = [shop.Employee.objects.create(name=f"E{n}") for n in range(30)]
    for n, person in enumerate(people):
        person.manager = people[(n * 7 + 3) % 30] if n % 5 else None  # loops among them
        person.save()
        person.knows.add(people[(n + 1) % 30])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        configure(Path(sys.argv[1]), Path(folder))
        fill(int(sys.argv[2]))
