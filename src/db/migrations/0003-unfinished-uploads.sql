-- A start looks for uploads that are not finished, and must not read those that ended: the index holds the open ones too.
drop index uploads_unsettled;
create index uploads_unfinished on uploads (state) where state in ('open', 'finishing', 'discarded');
