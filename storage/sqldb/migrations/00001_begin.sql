-- +goose Up

-- Written for PostgreSQL; dialect.go says what becomes of each type on SQLite. Ids are compared
-- byte by byte ("C"), so that both databases page and sort alike. A time that is not set is NULL.

CREATE TABLE users (
    id             text COLLATE "C" PRIMARY KEY,
    email          text COLLATE "C" NOT NULL,
    email_verified boolean NOT NULL,
    name           text NOT NULL,
    locale         text NOT NULL,
    password_hash  text NOT NULL,
    password_set   timestamptz,
    disabled       timestamptz,
    deleted        timestamptz,
    created        timestamptz NOT NULL,
    updated        timestamptz NOT NULL,
    version        bigint NOT NULL,
    CHECK (id <> ''),
    CHECK (deleted IS NOT NULL OR email <> '')
) /* strict */;

CREATE UNIQUE INDEX users_email ON users (email) WHERE deleted IS NULL;

-- A deleted organization keeps its row, so that its id is never given again.
CREATE TABLE orgs (
    id      text COLLATE "C" PRIMARY KEY,
    name    text NOT NULL,
    policy  text NOT NULL,
    epoch   bigint NOT NULL,
    deleted timestamptz,
    created timestamptz NOT NULL,
    updated timestamptz NOT NULL,
    version bigint NOT NULL,
    CHECK (id <> '')
) /* strict */;

CREATE TABLE memberships (
    user_id text COLLATE "C" NOT NULL REFERENCES users (id),
    org_id  text COLLATE "C" NOT NULL REFERENCES orgs (id),
    created timestamptz NOT NULL,
    PRIMARY KEY (user_id, org_id)
) /* strict */;

CREATE INDEX memberships_org ON memberships (org_id, user_id);

-- A removed enrollment keeps its row without its secret: what was ever bound to an account stays
-- on record (NIST SP 800-63B-4 section 4.1). A used recovery code is a removed one.
CREATE TABLE enrollments (
    id        text COLLATE "C" PRIMARY KEY,
    user_id   text COLLATE "C" NOT NULL REFERENCES users (id),
    kind      text NOT NULL,
    name      text NOT NULL,
    secret    bytea, -- sealed
    code      bytea, -- keyed hash of a recovery code
    step      bigint NOT NULL,
    confirmed timestamptz,
    created   timestamptz NOT NULL,
    last_used timestamptz,
    removed   timestamptz,
    ip        text NOT NULL,
    agent     text NOT NULL,
    CHECK (kind IN ('totp', 'passkey', 'email', 'recovery')),
    CHECK (CASE WHEN removed IS NOT NULL THEN secret IS NULL AND code IS NULL
        ELSE (kind = 'recovery') = (code IS NOT NULL) AND (kind <> 'totp' OR secret IS NOT NULL) END)
) /* strict */;

CREATE INDEX enrollments_user ON enrollments (user_id, id) WHERE removed IS NULL;
CREATE UNIQUE INDEX enrollments_recovery ON enrollments (user_id) WHERE kind = 'recovery' AND removed IS NULL;

-- The columns that a use of a session or of a grant moves are in no index, and the pages have room
-- left, so that PostgreSQL updates them in place.
CREATE TABLE sessions (
    id        text COLLATE "C" PRIMARY KEY,
    user_id   text COLLATE "C" NOT NULL REFERENCES users (id),
    cookie    bytea NOT NULL UNIQUE, -- keyed hash
    evidence  text NOT NULL,
    created   timestamptz NOT NULL,
    last_used timestamptz NOT NULL,
    ended     timestamptz,
    ip        text NOT NULL,
    agent     text NOT NULL,
    version   bigint NOT NULL
) /* strict */ WITH (fillfactor = 85);

CREATE INDEX sessions_user ON sessions (user_id, id) WHERE ended IS NULL;
CREATE INDEX sessions_created ON sessions (created);
CREATE INDEX sessions_ended ON sessions (ended) WHERE ended IS NOT NULL;

CREATE TABLE clients (
    id                        text COLLATE "C" PRIMARY KEY,
    name                      text NOT NULL,
    auth_method               text NOT NULL,
    secrets                   text NOT NULL, -- keyed hashes
    native                    boolean NOT NULL,
    redirect_uris             text NOT NULL,
    post_logout_redirect_uris text NOT NULL,
    origins                   text NOT NULL,
    grant_types               text NOT NULL,
    scopes                    text NOT NULL,
    audiences                 text NOT NULL,
    default_acr               text NOT NULL,
    default_max_age           bigint, -- seconds
    acr_voluntary             boolean NOT NULL,
    pkce_optional             boolean NOT NULL,
    id_token_alg              text NOT NULL,
    refresh_idle              bigint NOT NULL, -- seconds
    refresh_overall           bigint NOT NULL, -- seconds
    initiate_login_uri        text NOT NULL,
    disabled                  timestamptz,
    deleted                   timestamptz,
    created                   timestamptz NOT NULL,
    updated                   timestamptz NOT NULL,
    version                   bigint NOT NULL,
    CHECK (id <> ''),
    CHECK (auth_method IN ('none', 'client_secret_basic', 'client_secret_post'))
) /* strict */;

-- A grant that was revoked before it was created is a row of its id and of when. A grant that
-- outlives its session keeps the id of it: no foreign key.
CREATE TABLE grants (
    id           text COLLATE "C" PRIMARY KEY,
    client_id    text COLLATE "C" REFERENCES clients (id),
    user_id      text COLLATE "C" REFERENCES users (id),
    org_id       text COLLATE "C" REFERENCES orgs (id),
    session_id   text COLLATE "C",
    scopes       text NOT NULL,
    audiences    text NOT NULL,
    redirect_uri text NOT NULL,
    challenge    text NOT NULL,
    nonce        text NOT NULL,
    amr          text NOT NULL,
    acr          text NOT NULL,
    auth_time    timestamptz,
    proof        bytea,
    offline      boolean NOT NULL,
    generation   bigint NOT NULL,
    rotated      timestamptz,
    created      timestamptz NOT NULL,
    idle_until   timestamptz NOT NULL,
    expires      timestamptz NOT NULL,
    revoked      timestamptz,
    CHECK (client_id IS NOT NULL OR revoked IS NOT NULL),
    CHECK (generation >= 0)
) /* strict */ WITH (fillfactor = 85);

CREATE INDEX grants_session ON grants (session_id) WHERE revoked IS NULL;
CREATE INDEX grants_user ON grants (user_id) WHERE revoked IS NULL;
CREATE INDEX grants_client ON grants (client_id) WHERE revoked IS NULL;
CREATE INDEX grants_org ON grants (org_id) WHERE revoked IS NULL;
CREATE INDEX grants_expires ON grants (expires);
CREATE INDEX grants_revoked ON grants (revoked) WHERE revoked IS NOT NULL;

CREATE TABLE signing_keys (
    id          text COLLATE "C" PRIMARY KEY,
    algorithm   text NOT NULL,
    private     bytea NOT NULL, -- sealed
    generation  bigint NOT NULL,
    created     timestamptz NOT NULL,
    active_from timestamptz NOT NULL,
    expires     timestamptz NOT NULL,
    UNIQUE (algorithm, generation)
) /* strict */;

CREATE TABLE attempts (
    key      text COLLATE "C" PRIMARY KEY,
    failures bigint NOT NULL,
    open_at  timestamptz,
    updated  timestamptz NOT NULL,
    CHECK (failures >= 0)
) /* strict */ WITH (fillfactor = 85);

-- Only ever inserted; removed by age. What it names may be gone: no foreign keys.
CREATE TABLE events (
    id         text COLLATE "C" PRIMARY KEY,
    at         timestamptz NOT NULL,
    type       text COLLATE "C" NOT NULL,
    user_id    text COLLATE "C",
    org_id     text COLLATE "C",
    client_id  text COLLATE "C",
    session_id text COLLATE "C",
    detail     text NOT NULL,
    request_id text NOT NULL,
    ip         text NOT NULL,
    agent      text NOT NULL,
    CHECK (type <> '')
) /* strict */;

CREATE INDEX events_user ON events (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX events_org ON events (org_id, id) WHERE org_id IS NOT NULL;
CREATE INDEX events_type ON events (type, id);
CREATE INDEX events_at ON events (at);

CREATE TABLE mails (
    id        text COLLATE "C" PRIMARY KEY,
    recipient text COLLATE "C" NOT NULL,
    subject   text NOT NULL,
    body      bytea NOT NULL, -- sealed
    created   timestamptz NOT NULL,
    due       timestamptz NOT NULL,
    tries     bigint NOT NULL,
    reason    text NOT NULL, -- why the last try failed
    sent      timestamptz,
    given_up  timestamptz,
    CHECK (recipient <> ''),
    CHECK (sent IS NULL OR given_up IS NULL)
) /* strict */;

CREATE INDEX mails_due ON mails (due, id) WHERE sent IS NULL AND given_up IS NULL;
CREATE INDEX mails_recipient ON mails (recipient);
CREATE INDEX mails_created ON mails (created);
