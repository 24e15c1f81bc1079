"""What templates may ask for beyond Django's own tags; named in settings.TEMPLATES."""
