CREATE TABLE kmip_p11.token (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    format          BIGINT  NOT NULL,
    serial          TEXT    NOT NULL,
    created         BIGINT  NOT NULL,
    seal            TEXT    NOT NULL,
    seal_parameters BYTEA   NOT NULL,
    data_key        BYTEA   NOT NULL,
    check_value     BYTEA   NOT NULL,
    failures        BIGINT  NOT NULL,
    last_failure    BIGINT  NOT NULL
);
CREATE TABLE kmip_p11.keys (
    number            BIGINT  PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id                TEXT    NOT NULL UNIQUE,
    name              TEXT    NOT NULL CONSTRAINT keys_name UNIQUE,
    own_label         TEXT,
    label             TEXT    NOT NULL,
    cka_id            BYTEA   NOT NULL,
    public_key        BYTEA   NOT NULL,
    key_type          TEXT    NOT NULL,
    state             BIGINT  NOT NULL,
    activated         BIGINT,
    revoked           BIGINT,
    revocation        TEXT,
    object_groups     TEXT    NOT NULL,
    extractable       BOOLEAN NOT NULL,
    never_extractable BOOLEAN NOT NULL,
    created           BIGINT  NOT NULL,
    sealed            BYTEA   NOT NULL,
    code              BYTEA   NOT NULL
);
CREATE UNIQUE INDEX keys_cka_id ON kmip_p11.keys (cka_id);
-- Of the digest: an index has no room for the longest keys.
CREATE UNIQUE INDEX keys_public_key ON kmip_p11.keys (sha256(public_key));
CREATE INDEX keys_label ON kmip_p11.keys (label, number);
CREATE TABLE kmip_p11.certificates (
    number BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    id     TEXT   NOT NULL UNIQUE,
    key_id TEXT   NOT NULL REFERENCES kmip_p11.keys (id) ON DELETE CASCADE,
    der    BYTEA  NOT NULL
);
CREATE INDEX certificates_key_id ON kmip_p11.certificates (key_id);
