-- The tables that everything rests on. Times are milliseconds since 1970. Names are never foreign keys.

create table store (
  format integer not null,
  id text not null,
  created_at bigint not null
);

create table namespaces (
  id integer primary key,
  name text not null unique,
  kind text not null default 'administrators' check (kind in ('user', 'organisation', 'administrators')),
  owner bigint,
  created_at bigint not null
);

create table repositories (
  id integer primary key,
  namespace_id bigint not null references namespaces (id),
  name text not null,
  path text not null,
  visibility text not null default 'private' check (visibility in ('public', 'private')),
  created_at bigint not null,
  deleted_at bigint
);
create unique index repositories_by_name on repositories (namespace_id, name) where deleted_at is null;
create unique index repositories_by_path on repositories (path) where deleted_at is null;

-- Where a renamed repository went.
create table repository_names (
  path text primary key,
  repository_id bigint not null references repositories (id),
  created_at bigint not null
);

-- Bytes known by digest. Exactly one of storage_key and content is set, unless the bytes are elsewhere (remote).
create table blobs (
  id integer primary key,
  digest text not null unique,
  size bigint not null,
  state text not null default 'present' check (state in ('present', 'condemned', 'quarantined', 'remote')),
  storage_key text,
  unreferenced_since bigint,
  created_at bigint not null,
  content blob,
  check (state = 'remote' or (storage_key is null) <> (content is null))
);
create index blobs_unreferenced on blobs (unreferenced_since) where unreferenced_since is not null;

-- The link: a blob is visible in a repository only through it.
create table repository_blobs (
  repository_id bigint not null references repositories (id),
  blob_id bigint not null references blobs (id),
  unreferenced_since bigint,
  linked_at bigint not null,
  primary key (repository_id, blob_id)
);
create index repository_blobs_by_blob on repository_blobs (blob_id);
create index repository_blobs_unreferenced on repository_blobs (unreferenced_since) where unreferenced_since is not null;

create table manifests (
  id integer primary key,
  repository_id bigint not null references repositories (id),
  digest text not null,
  media_type text not null,
  artifact_type text,
  subject_digest text,
  annotations text,
  size bigint not null,
  pushed_at bigint not null,
  pushed_by text,
  deleted_at bigint
);
create unique index manifests_by_digest on manifests (repository_id, digest) where deleted_at is null;
create index manifests_by_subject on manifests (repository_id, subject_digest, digest)
  where subject_digest is not null and deleted_at is null;
create index manifests_deleted on manifests (deleted_at) where deleted_at is not null;

-- Byte for byte as pushed.
create table manifest_contents (
  manifest_id bigint primary key references manifests (id),
  bytes blob not null
);

-- A manifest names a digest. Edges name digests, not rows, and stay until the manifest is purged.
create table manifest_edges (
  manifest_id bigint not null references manifests (id),
  kind text not null check (kind in ('config', 'layer', 'child', 'subject')),
  digest text not null,
  primary key (manifest_id, kind, digest)
);
create index manifest_edges_by_digest on manifest_edges (digest);

create table tags (
  id integer primary key,
  repository_id bigint not null references repositories (id),
  name text not null,
  manifest_id bigint not null references manifests (id),
  created_at bigint not null,
  updated_at bigint not null,
  deleted_at bigint
);
create unique index tags_by_name on tags (repository_id, name) where deleted_at is null;
create index tags_by_manifest on tags (manifest_id);
create index tags_deleted on tags (deleted_at) where deleted_at is not null;

create table tag_history (
  id integer primary key,
  repository_id bigint not null references repositories (id),
  name text not null,
  actor text,
  protocol text not null,
  old_digest text,
  new_digest text,
  at bigint not null
);
create index tag_history_by_name on tag_history (repository_id, name, id);

-- A blob that is arriving. `open`: more may come. `finishing`: its bytes may already stand under their final key, which
-- `digest` tells; when it is open again it keeps the digest, since a kill may have left them there.
-- `finished`, `cancelled`: kept for a while, so that a repeated request gets a true answer. `discarded`: an equal blob was
-- there first, the file under this upload's key goes.
create table uploads (
  id text primary key,
  repository_id bigint not null references repositories (id),
  actor_id text,
  algorithm text not null,
  state text not null check (state in ('open', 'finishing', 'finished', 'cancelled', 'discarded')),
  digest text,
  content blob,
  started_at bigint not null,
  touched_at bigint not null
);
create index uploads_by_touch on uploads (touched_at);
create index uploads_unsettled on uploads (state) where state in ('finishing', 'discarded');

create table pulls (
  manifest_id bigint primary key references manifests (id),
  last_at bigint not null,
  count bigint not null
);

create table events (
  id integer primary key,
  at bigint not null,
  kind text not null,
  actor text,
  token_id text,
  protocol text not null,
  address text,
  request_id text,
  repository_id bigint,
  repository_path text,
  subject text,
  detail text
);
create index events_by_repository on events (repository_id, id);

-- Every read excludes what is marked as deleted, through these.
create view live_repositories as select * from repositories where deleted_at is null;
create view live_manifests as select * from manifests where deleted_at is null;
create view live_tags as select * from tags where deleted_at is null;
