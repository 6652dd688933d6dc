"""`products` as a Django app."""

from django.apps import AppConfig


class ProductsConfig(AppConfig):
    """What lenders offer: products, credit policies and budgets."""

    name = "partners.products"
    label = "products"
