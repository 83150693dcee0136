-- '' stands for "none": to a UNIQUE index, NULLs are all different.
-- A second index repeats every column of its table, so that the integrity check finds any value that was altered.

CREATE TABLE subscriptions (
    exchange TEXT NOT NULL,
    channel TEXT NOT NULL,
    symbol TEXT NOT NULL,
    variant TEXT NOT NULL,
    account TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    UNIQUE (exchange, channel, symbol, variant, account)
);

CREATE INDEX subscriptions_repeated
    ON subscriptions (exchange, channel, symbol, variant, account, created_us);

CREATE TABLE bans (
    exchange TEXT NOT NULL,
    scope TEXT NOT NULL,
    account TEXT NOT NULL,
    limit_name TEXT NOT NULL,
    until_us INTEGER NOT NULL,
    reason TEXT NOT NULL,
    noted_us INTEGER NOT NULL,
    UNIQUE (exchange, scope, account, limit_name)
);

CREATE INDEX bans_repeated
    ON bans (exchange, scope, account, limit_name, until_us, reason, noted_us);
