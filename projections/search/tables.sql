-- The words of each event, for finding it by them: clear text only, no name and no ref of a person.
-- Beside the words stand two lexemes of tenant and place (places.ts). There is no column of the
-- tenant: so the table stays closed to the API, which asks control.found and control.has_words.

create table entry_words (
  position bigint primary key,
  words tsvector not null
);

-- What a batch adds is entered into the index at its end, all at once (projection.ts).
create index entry_words_gin on entry_words using gin (words) with (fastupdate = on);
