"""What every ingress and every egress owes, as test classes to inherit from."""
