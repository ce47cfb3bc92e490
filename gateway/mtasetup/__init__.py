"""What the ``setup`` and ``check`` commands of MTAs' plugins share."""
