"""`manage.py dbshell`: stock, after asking both databases whether they are one. It opens no connection that the fence could see."""

from django.core.management.commands import dbshell

from config.isolation import refuse_one_database


class Command(dbshell.Command):
    def handle(self, **options):
        refuse_one_database()
        super().handle(**options)
