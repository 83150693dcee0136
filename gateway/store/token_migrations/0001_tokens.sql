-- A token itself is kept nowhere: only what it hashes to.
-- The index repeats every column of the table, so that the integrity check finds any value that was altered.

CREATE TABLE tokens (
    id TEXT NOT NULL,
    digest BLOB NOT NULL,
    scopes TEXT NOT NULL,
    name TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER,
    revoked_us INTEGER,
    UNIQUE (id)
);

CREATE INDEX tokens_repeated
    ON tokens (id, digest, scopes, name, created_us, expires_us, revoked_us);
