from django.apps import AppConfig

from config import refusals


class ReviewsConfig(AppConfig):
    name = "reviews"
    verbose_name = "Reviews"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from reviews.record import deny  # noqa: PLC0415  models are not loaded before this point

        refusals.recorders.append(deny)
