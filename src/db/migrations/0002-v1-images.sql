-- The v1 protocol over the same store: images by ids that their pushers chose, and what manifests look like to its clients.

-- A v1 push may name no repository: in the open mode its bytes belong to nobody until a tag names them.
create table uploads_of_format_2 (
  id text primary key,
  repository_id bigint references repositories (id),
  actor_id text,
  algorithm text not null,
  state text not null check (state in ('open', 'finishing', 'finished', 'cancelled', 'discarded')),
  digest text,
  content blob,
  started_at bigint not null,
  touched_at bigint not null
);
insert into uploads_of_format_2 (id, repository_id, actor_id, algorithm, state, digest, content, started_at, touched_at)
  select id, repository_id, actor_id, algorithm, state, digest, content, started_at, touched_at from uploads;
drop table uploads;
alter table uploads_of_format_2 rename to uploads;
create index uploads_by_touch on uploads (touched_at);
create index uploads_unsettled on uploads (state) where state in ('finishing', 'discarded');

-- One image: its JSON byte for byte, and what is known of its layer. `repository_id` is its scope, null when it is nobody's.
-- `pushed`: as a client sent it. `derived`: made from a manifest, its id fixes its bytes. `revision` counts the JSONs that
-- were sent for it. `history`: its entry in the history of a config. `reason`: why no manifest can name its layer.
-- `manifest_digest`: of the image that was built from the chain which ends here.
create table v1_images (
  id integer primary key,
  repository_id bigint references repositories (id),
  image_id text not null,
  origin text not null check (origin in ('pushed', 'derived')),
  state text not null check (state in ('announced', 'uploaded', 'complete')),
  revision bigint not null default 0,
  parent bigint references v1_images (id),
  json blob not null,
  history text not null,
  checksum_ahead text,
  digest text,
  size bigint,
  compression text,
  diff_id text,
  is_empty bigint not null default 0,
  reason text,
  payload text,
  tarsum text,
  manifest_digest text,
  actor_id text,
  created_at bigint not null,
  touched_at bigint not null
);
create unique index v1_images_by_image on v1_images (image_id, repository_id, origin);
create unique index v1_images_of_nobody on v1_images (image_id, origin) where repository_id is null;
create index v1_images_by_parent on v1_images (parent) where parent is not null and origin = 'pushed';
create index v1_images_by_digest on v1_images (digest, repository_id) where digest is not null and origin = 'pushed';
create index v1_images_by_manifest on v1_images (manifest_digest) where manifest_digest is not null;

-- What stored layers unpack to, found by unpacking them here: what a config says of it proves nothing. Null: they do not.
create table v1_layers (
  digest text primary key,
  diff_id text
);

-- What a manifest is to a v1 client: the image of `origin_id`, from which it was built; else `image_id`, derived from it;
-- else nothing, for `reason`. `is_index`: one of its children, by the machine of who asks.
create table v1_manifests (
  manifest_id bigint primary key references manifests (id),
  image_id text,
  origin_id text,
  is_index bigint not null default 0,
  reason text
);
create index v1_manifests_by_image on v1_manifests (image_id) where image_id is not null;

-- The children of an index for each machine, the best first.
create table v1_index_images (
  manifest_id bigint not null references manifests (id),
  os text not null,
  arch text not null,
  rank bigint not null,
  digest text not null,
  primary key (manifest_id, os, arch, rank)
);

-- A tag that was set over v1, until something else moves it. `built`: its manifest is in tags. `pending`: an image of its
-- chain is not complete, or the push goes on to another. `v1-only`: there is no manifest for it, for `reason`.
create table v1_tags (
  repository_id bigint not null references repositories (id),
  name text not null,
  image bigint not null references v1_images (id),
  image_id text not null,
  manifest_id bigint references manifests (id),
  state text not null check (state in ('built', 'pending', 'v1-only')),
  reason text,
  info text not null,
  actor_id text,
  updated_at bigint not null,
  primary key (repository_id, name)
);
create index v1_tags_by_image on v1_tags (image);
create index v1_tags_pending on v1_tags (updated_at) where state = 'pending';

-- What the index keeps of a repository: the list of its images, and which image the push under way announced for each tag.
create table v1_repositories (
  repository_id bigint primary key references repositories (id),
  image_list blob,
  announced text,
  announced_at bigint,
  access text not null default 'public' check (access in ('public', 'private'))
);

-- Which repository an image was announced for: where an image belongs whose upload does not say it.
create table v1_announcements (
  image_id text not null,
  repository_id bigint not null references repositories (id),
  actor_id text,
  announced_at bigint not null,
  primary key (image_id, repository_id)
);

-- Manifests that were pushed before this format are looked at in the background, from `next_id` to `last_id`.
create table v1_backfill (
  next_id bigint not null,
  last_id bigint not null
);
insert into v1_backfill (next_id, last_id) select 0, coalesce(max(id), 0) from manifests;
