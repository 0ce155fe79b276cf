-- +goose Up

-- What the account page, passkeys, mail codes and support need. Every column is NULL or has a default, so
-- that instances of the release before go on beside those of this one while they are exchanged.

ALTER TABLE users ADD COLUMN default_method text NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN password_mail timestamptz;
-- When the mail address or its verification changed last. NULL: the account began with them.
ALTER TABLE users ADD COLUMN email_set timestamptz;
ALTER TABLE users ADD COLUMN since timestamptz;
-- When every session but one was ended last, and which went on.
ALTER TABLE users ADD COLUMN shut_out timestamptz;
ALTER TABLE users ADD COLUMN kept text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN passwords bigint NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN changes bigint NOT NULL DEFAULT 0;

ALTER TABLE memberships ADD COLUMN skips bigint NOT NULL DEFAULT 0;
-- The sign-in that was counted last, as a hash.
ALTER TABLE memberships ADD COLUMN skipped_by text NOT NULL DEFAULT '';

-- The handle of a passkey is its credential id. It goes with the secret when the passkey is removed,
-- so that the same authenticator can be set up again, by whomever it belongs to then.
ALTER TABLE enrollments ADD COLUMN handle bytea
    CHECK ((handle IS NOT NULL) = (kind = 'passkey' AND removed IS NULL));
ALTER TABLE enrollments ADD COLUMN place text NOT NULL DEFAULT '';

-- From where it was removed, as ip and agent are from where it was set up.
ALTER TABLE enrollments ADD COLUMN removed_ip text NOT NULL DEFAULT '';
ALTER TABLE enrollments ADD COLUMN removed_agent text NOT NULL DEFAULT '';

CREATE UNIQUE INDEX enrollments_handle ON enrollments (handle) WHERE removed IS NULL AND handle IS NOT NULL;

-- A subject can hold a code. Where this is NULL it is in the column subject, in which the release before
-- kept it; an instance of that release sends what it finds here without a subject.
ALTER TABLE mails ADD COLUMN sealed_subject bytea;
ALTER TABLE mails ADD COLUMN not_after timestamptz;
-- Whose it is, also when the person's address is another one meanwhile.
ALTER TABLE mails ADD COLUMN user_id text COLLATE "C";

CREATE INDEX mails_user ON mails (user_id) WHERE user_id IS NOT NULL;

-- Whether a recovery code is among what was proved.
ALTER TABLE grants ADD COLUMN recovered boolean NOT NULL DEFAULT false;

-- The WebAuthn user handle: random, and so none of what is known of a person (WebAuthn Level 3, 14.6.1).
CREATE TABLE user_handles (
    user_id text COLLATE "C" PRIMARY KEY REFERENCES users (id),
    handle  bytea NOT NULL UNIQUE
) /* strict */;

-- A code is live until it is used or a newer one takes its place; a person has one at most. The rows
-- outlive the codes because they are counted.
CREATE TABLE mail_codes (
    id      text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL REFERENCES users (id),
    code    bytea NOT NULL, -- keyed hash
    mail    text COLLATE "C", -- the one it is in
    tries   bigint NOT NULL,
    created timestamptz NOT NULL,
    expires timestamptz NOT NULL,
    ended   timestamptz,
    CHECK (id <> '')
) /* strict */;

CREATE UNIQUE INDEX mail_codes_live ON mail_codes (user_id) WHERE ended IS NULL;
CREATE INDEX mail_codes_user ON mail_codes (user_id, created);
CREATE INDEX mail_codes_created ON mail_codes (created);

-- The last enrollment ticket of a person. Those before it are on record in the audit log.
CREATE TABLE tickets (
    user_id text COLLATE "C" PRIMARY KEY REFERENCES users (id),
    code    bytea NOT NULL, -- keyed hash
    created timestamptz NOT NULL,
    expires timestamptz NOT NULL,
    used    timestamptz
) /* strict */;

CREATE INDEX tickets_expires ON tickets (expires);

-- The "this was not me" of mails.
CREATE TABLE links (
    token         bytea PRIMARY KEY, -- keyed hash
    user_id       text COLLATE "C" NOT NULL REFERENCES users (id),
    enrollment_id text COLLATE "C",
    at            timestamptz NOT NULL,
    expires       timestamptz NOT NULL,
    pressed       timestamptz,
    password_hash text NOT NULL DEFAULT '', -- of the password that pressing it took away, until it is finished
    finished      timestamptz,
    CHECK (finished IS NULL OR pressed IS NOT NULL)
) /* strict */;

CREATE INDEX links_user ON links (user_id);
CREATE INDEX links_expires ON links (expires);
