"""The field of each sequence as texts are compared, and an index of it.

The database's own `lower` knows ASCII letters only where its locale is C, and the collations that
know others differ between versions and builds of PostgreSQL: `fold_text` has the pairs itself.
"""

import sys

from alembic import op

revision = "0013"
down_revision = "0016"
branch_labels = None
depends_on = None


def letters() -> tuple[str, str]:
    """Return letters, and what each becomes: those that fold to one other, and capital sharp s."""
    pairs = [(chr(code), chr(code).casefold()) for code in range(sys.maxunicode + 1)]
    folded = [(letter, other) for letter, other in pairs if letter != other and len(other) == 1]
    folded.append(("ẞ", "ß"))
    return "".join(letter for letter, _ in folded), "".join(other for _, other in folded)


def fold_text() -> str:
    """Return the statement that makes the function."""
    upper, lower = letters()
    return f"""
    CREATE FUNCTION fold_text(words text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
        SELECT replace(translate(normalize(words, NFKC), '{upper}', '{lower}'), 'ß', 'ss')
    $$;
    """


UPGRADE = """
ALTER TABLE sequences
    ADD field_folded text GENERATED ALWAYS AS (fold_text(field)) STORED;
CREATE INDEX sequences_field_folded ON sequences (field_folded);
"""

DOWNGRADE = """
ALTER TABLE sequences DROP field_folded;
DROP FUNCTION fold_text;
"""


def upgrade() -> None:
    op.execute(fold_text())
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute(DOWNGRADE)
