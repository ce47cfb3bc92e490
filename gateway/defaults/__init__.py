"""What the gateway does by itself, written as plugins on the hooks that are open to everybody."""
