from django.apps import AppConfig

from config import refusals


class ReviewsConfig(AppConfig):
    name = "reviews"
    verbose_name = "Reviews"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models are not loaded before this point.
        from drafts import coverage  # noqa: PLC0415
        from reviews.record import deny  # noqa: PLC0415
        from reviews.rights import plans_named_in  # noqa: PLC0415

        refusals.recorders.append(deny)
        coverage.also_visible.append(plans_named_in)
