"""`manage.py test`: stock, after asking both databases whether they are one. It opens none of them when it finds no test."""

from django.core.management.commands import test

from config.isolation import refuse_one_database


class Command(test.Command):
    def handle(self, *labels, **options):
        refuse_one_database()
        super().handle(*labels, **options)
