-- Digests only: no column holds a key. Times are milliseconds since the Unix epoch.
CREATE TABLE portcullis_keys (
    id TEXT COLLATE "C" PRIMARY KEY,
    digest TEXT NOT NULL,
    -- The version of the digest's pepper: -1 without one, NULL for a foreign key.
    pepper BIGINT,
    prefix TEXT NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    -- One a line.
    tags TEXT COLLATE "C" NOT NULL,
    -- Separated by spaces, as are the networks.
    scopes TEXT NOT NULL,
    networks TEXT NOT NULL,
    limit_requests BIGINT,
    limit_period_ms BIGINT,
    limit_burst BIGINT,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT,
    revoked_ms BIGINT,
    revoke_reason TEXT,
    successor TEXT,
    is_foreign BOOLEAN NOT NULL,
    idempotency_key BYTEA,
    idempotency_request BYTEA,
    last_used_ms BIGINT,
    use_count BIGINT NOT NULL,
    -- Whether the key was noticed to have expired. A hint for lists: `expires_ms` decides.
    lapsed BOOLEAN NOT NULL,
    revision BIGINT NOT NULL
);

CREATE UNIQUE INDEX portcullis_keys_revision ON portcullis_keys (revision);
CREATE INDEX portcullis_keys_created ON portcullis_keys (created_ms, id);
CREATE INDEX portcullis_keys_owner ON portcullis_keys (owner, created_ms, id);
CREATE INDEX portcullis_keys_live ON portcullis_keys (lapsed, created_ms, id) WHERE revoked_ms IS NULL;
CREATE INDEX portcullis_keys_expiring ON portcullis_keys (lapsed, expires_ms, created_ms, id, revoked_ms)
    WHERE revoked_ms IS NULL AND expires_ms IS NOT NULL;
CREATE INDEX portcullis_keys_revoked ON portcullis_keys (created_ms, id) WHERE revoked_ms IS NOT NULL;
CREATE INDEX portcullis_keys_idempotency ON portcullis_keys (idempotency_key) WHERE idempotency_key IS NOT NULL;

-- One row. Each change updates it first, so that its lock puts the changes in order.
CREATE TABLE portcullis_meta (
    only_row BOOLEAN PRIMARY KEY CHECK (only_row),
    revision BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    restores BIGINT NOT NULL,
    restore_reported_ms BIGINT
);

-- A random mark for each change: after a restore from a backup, the same revision has another mark.
CREATE TABLE portcullis_history (
    revision BIGINT PRIMARY KEY,
    mark BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);
CREATE INDEX portcullis_history_changed ON portcullis_history (changed_ms);
