/** What tests do to the table behind the back of the services, and the name by which they do it. */

export const TABLE = "key_values"

export const HIDE_TABLE = `alter table ${TABLE} rename to elsewhere`
export const SHOW_TABLE = `alter table elsewhere rename to ${TABLE}`

/** Has each row run these statements of PL/pgSQL before it is written; dropping the function ends it. */
export const onEachRow = (name: string, statements: string, when = "before insert") => `
  create function ${name}() returns trigger language plpgsql as
  $$ begin ${statements}; return new; end $$;
  create trigger ${name} ${when} on ${TABLE} for each row execute function ${name}()`
