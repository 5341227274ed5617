-- Who may do what in the database; a name in braces stands for that role's password, or for a list of
-- shared/tables.ts. Run by the owner after every migration, so that the grants cover new tables as well.

select format('create role %I login', name)
from unnest(array['worker', 'reader', 'stats']) as name
where not exists (select from pg_roles where rolname = name)
\gexec

alter role worker password '{{worker}}';
alter role reader password '{{reader}}';
alter role stats password '{{stats}}';

revoke all on database write_buffer from public;
grant connect on database write_buffer to worker, reader, stats;

-- The health of stats needs a connection and no table.
revoke all on all tables in schema public from worker, reader, stats;
grant select, insert, update on all tables in schema public to worker;
grant select on all tables in schema public to reader;

-- The worker sweeps tombstones, where deletions leave some; nobody deletes anything else.
select format('grant delete on %I to worker', name)
from unnest(array[{{deletes}}]::text[]) as name
where to_regclass(quote_ident(name)) is not null
\gexec

revoke all on write_buffer_migrations from worker, reader;

-- What a stack of earlier builds has instead, or beside it.
select 'revoke all on schema_migrations from worker, reader'
where to_regclass('schema_migrations') is not null
\gexec
