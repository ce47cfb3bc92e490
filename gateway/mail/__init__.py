"""RFC 5321 nouns: addresses, envelopes, messages and the batch form (BSMTP)."""
