"""The one place that names an image."""

import os


def image(stage: str) -> str:
    """Return the image of a stage; DESTA_IMAGE_PREFIX and DESTA_IMAGE_TAG name another registry or build."""
    prefix = os.environ.get("DESTA_IMAGE_PREFIX", "desta/python-")
    return f"{prefix}{stage.replace('_', '-')}:{os.environ.get('DESTA_IMAGE_TAG', '0.1.0')}"
