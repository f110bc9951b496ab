CREATE TABLE token (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    format          INTEGER NOT NULL,
    serial          TEXT    NOT NULL,
    created         INTEGER NOT NULL,
    seal            TEXT    NOT NULL,
    seal_parameters BLOB    NOT NULL,
    data_key        BLOB    NOT NULL,
    check_value     BLOB    NOT NULL,
    failures        INTEGER NOT NULL,
    last_failure    INTEGER NOT NULL
) STRICT;
CREATE TABLE keys (
    number            INTEGER PRIMARY KEY AUTOINCREMENT,
    id                TEXT    NOT NULL UNIQUE,
    name              TEXT    NOT NULL UNIQUE,
    own_label         TEXT,
    label             TEXT    NOT NULL,
    cka_id            BLOB    NOT NULL,
    public_key        BLOB    NOT NULL,
    key_type          TEXT    NOT NULL,
    state             INTEGER NOT NULL,
    activated         INTEGER,
    revoked           INTEGER,
    revocation        TEXT,
    object_groups     TEXT    NOT NULL,
    extractable       INTEGER NOT NULL CHECK (extractable IN (0, 1)),
    never_extractable INTEGER NOT NULL CHECK (never_extractable IN (0, 1)),
    created           INTEGER NOT NULL,
    sealed            BLOB    NOT NULL,
    code              BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX keys_cka_id ON keys (cka_id);
CREATE UNIQUE INDEX keys_public_key ON keys (public_key);
CREATE INDEX keys_label ON keys (label);
CREATE TABLE certificates (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id     TEXT    NOT NULL UNIQUE,
    key_id TEXT    NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    der    BLOB    NOT NULL
) STRICT;
CREATE INDEX certificates_key_id ON certificates (key_id);
