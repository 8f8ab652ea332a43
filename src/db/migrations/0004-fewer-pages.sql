-- An index costs every push a page of its own, which on a large store is another one each time. These have no reader.
drop index tag_history_by_name;
drop index events_by_repository;
drop index repository_blobs_unreferenced;
