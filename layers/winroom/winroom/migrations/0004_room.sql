-- The room: a numbered, immutable log that is also the outbox, and who is listening.

create table wr.rooms (
    tenant_id uuid primary key references wr.tenants on delete cascade,
    seq bigint not null default 0,
    posted_seq bigint not null default 0 check (posted_seq <= seq),
    presence_changed_at timestamptz not null default now(),
    presence_posted_at timestamptz not null default now()
);

create table wr.events (
    tenant_id uuid not null references wr.tenants on delete cascade,
    seq bigint not null,
    type text not null,
    sale_id text not null,
    actor text not null,
    payload jsonb not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, seq)
);

create table wr.tickets (
    ticket_hash bytea primary key check (octet_length(ticket_hash) = 32),
    tenant_id uuid not null references wr.tenants on delete cascade,
    user_id uuid,
    api_key_id uuid,
    display_id uuid,
    -- Whose token opened it: logging out ends the socket as it ends the token.
    token_version integer,
    rendering text not null check (rendering in ('full', 'plain')),
    expires_at timestamptz not null default now() + interval '60 seconds',
    check (num_nonnulls(user_id, api_key_id, display_id) = 1)
);
create index tickets_expired on wr.tickets (expires_at);

create table wr.connections (
    connection_id text primary key,
    tenant_id uuid not null references wr.tenants on delete cascade,
    user_id uuid,
    api_key_id uuid,
    display_id uuid,
    -- Whose token opened it: logging out ends the socket as it ends the token.
    token_version integer,
    rendering text not null check (rendering in ('full', 'plain')),
    -- Posting to a connection that is still being made answers 410: only ready ones are posted to.
    is_ready boolean not null default false,
    connected_at timestamptz not null default now(),
    check (num_nonnulls(user_id, api_key_id, display_id) = 1)
);
create index connections_of_room on wr.connections (tenant_id, connection_id) where is_ready;

call wr.protect('wr.rooms');
call wr.protect('wr.events');
call wr.protect('wr.tickets');
call wr.protect('wr.connections');

grant select, insert, update on wr.rooms to winroom_app;
grant select, insert on wr.events to winroom_app;
grant select, insert, update, delete on wr.tickets, wr.connections to winroom_app;
