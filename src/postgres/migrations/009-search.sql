-- Finding events by their words. Postgres uses no index for @@ under row level security, so the
-- words stand in a table that is closed to the API (projections/search) and are asked for through
-- these two doors. They belong to ledger_worker, who owns that table, and answer for the tenant
-- of the transaction alone: its name is part of the lexeme that every word stands beside.

-- Positions in one piece of the log (projections/search/places.ts), in no order. The index finds
-- what is needed; the rest of the query is asked of each row. Sums keep the index of positions
-- out of the plan: it would read every event of the piece.
create function control.found(
    needed tsquery, query tsquery, mark text, piece bigint, low bigint, high bigint)
  returns setof bigint
  language plpgsql stable security definer rows 100
  set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
begin
  return query
    select w.position from read.entry_words w
    where w.words @@ (needed && quote_literal(
        current_setting('ledger.tenant', true) || mark || to_hex(piece))::tsquery)
      and ts_match_vq(w.words, query) and w.position + 0 >= low and w.position + 0 < high;
end
$$;

-- Whether one event has the words.
create function control.has_words(at bigint, query tsquery) returns boolean
  language plpgsql stable security definer cost 1000
  set search_path = pg_catalog, pg_temp
as $$
begin
  return exists (
    select from read.entry_words w
    where w.position = at and ts_match_vq(w.words, query && quote_literal(
      current_setting('ledger.tenant', true) || '/' || to_hex(at >> 21))::tsquery));
end
$$;

revoke execute on function control.found(tsquery, tsquery, text, bigint, bigint, bigint)
  from public;
revoke execute on function control.has_words(bigint, tsquery) from public;
grant execute on function control.found(tsquery, tsquery, text, bigint, bigint, bigint)
  to ledger_api;
grant execute on function control.has_words(bigint, tsquery) to ledger_api;

-- A new owner must be able to create in the schema at that moment.
grant create on schema control to ledger_worker;
alter function control.found(tsquery, tsquery, text, bigint, bigint, bigint)
  owner to ledger_worker;
alter function control.has_words(bigint, tsquery) owner to ledger_worker;
revoke create on schema control from ledger_worker;
