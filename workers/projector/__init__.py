"""The projector: what is published, as tables, every change once whatever crashes."""
