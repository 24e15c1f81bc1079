"""Keys made from other keys: one secret must never serve two purposes as it is."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive_key(secret: str, purpose: str) -> bytes:
    """32 bytes for that purpose, from a secret of any length."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"opie/{purpose}".encode()).derive(secret.encode())
