# SPDX-License-Identifier: GPL-3.0-only
"""A keyring for programs that insist on one: PYTHON_KEYRING_BACKEND=pocket.Keyring.

What it holds is in a file of the home directory, and so outlives the program.
"""

from craft_store.auth import FileKeyring


class Keyring(FileKeyring):
    """craft-store's own keyring in a file, as one that anybody may have."""

    priority = 1

    def __init__(self):
        super().__init__("pocket")
