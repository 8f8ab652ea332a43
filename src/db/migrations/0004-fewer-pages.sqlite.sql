-- SQLite finds a row by its key in one tree instead of two where the key is the place of the row: rows that are long have a
-- number as their key, rows that are hardly more than their key are kept in the tree of the key.

create table manifest_contents_of_format_4 (
  manifest_id integer primary key references manifests (id),
  bytes blob not null
);
insert into manifest_contents_of_format_4 (manifest_id, bytes)
  select manifest_id, bytes from manifest_contents order by manifest_id;
drop table manifest_contents;
alter table manifest_contents_of_format_4 rename to manifest_contents;

create table v1_manifests_of_format_4 (
  manifest_id integer primary key references manifests (id),
  image_id text,
  origin_id text,
  is_index bigint not null default 0,
  reason text
);
insert into v1_manifests_of_format_4 (manifest_id, image_id, origin_id, is_index, reason)
  select manifest_id, image_id, origin_id, is_index, reason from v1_manifests order by manifest_id;
drop table v1_manifests;
alter table v1_manifests_of_format_4 rename to v1_manifests;
create index v1_manifests_by_image on v1_manifests (image_id) where image_id is not null;

create table manifest_edges_of_format_4 (
  manifest_id bigint not null references manifests (id),
  kind text not null check (kind in ('config', 'layer', 'child', 'subject')),
  digest text not null,
  primary key (manifest_id, kind, digest)
) without rowid;
insert into manifest_edges_of_format_4 (manifest_id, kind, digest)
  select manifest_id, kind, digest from manifest_edges order by manifest_id, kind, digest;
drop table manifest_edges;
alter table manifest_edges_of_format_4 rename to manifest_edges;
create index manifest_edges_by_digest on manifest_edges (digest);

create table repository_blobs_of_format_4 (
  repository_id bigint not null references repositories (id),
  blob_id bigint not null references blobs (id),
  unreferenced_since bigint,
  linked_at bigint not null,
  primary key (repository_id, blob_id)
) without rowid;
insert into repository_blobs_of_format_4 (repository_id, blob_id, unreferenced_since, linked_at)
  select repository_id, blob_id, unreferenced_since, linked_at from repository_blobs order by repository_id, blob_id;
drop table repository_blobs;
alter table repository_blobs_of_format_4 rename to repository_blobs;
create index repository_blobs_by_blob on repository_blobs (blob_id);
