// The engines of 2013 to 2015 as data: what each of them sends, and what each must find in an answer. Their dances are in
// dances.ts. Docker Registry API v1 as these clients spoke it.

export interface Engine {
  readonly version: string;
  readonly userAgent: string;
  /** The header of a ping and of a registration; undefined where these are sent like everything else. */
  readonly plainUserAgent: string | undefined;
  /** Asks for /v2/ before it asks for v1. */
  readonly asksVersion2: boolean;
  /** A ping without X-Docker-Registry-Version is none; answers without X-Docker-Size and X-Docker-Endpoints neither. */
  readonly isStrict: boolean;
  /** Which checksums follow a layer; `ahead` sends one with the JSON, and none later. */
  readonly checksums: "ahead" | "tarsum" | "both";
  /** Tags every ancestor in turn, the tip last. */
  readonly tagsAncestors: boolean;
  /** Downloads the newest image first. */
  readonly pullsNewestFirst: boolean;
  readonly hasLayerType: boolean;
  /** Asks for one tag instead of all. */
  readonly asksOneTag: boolean;
  /** Sends empty credentials and empty tokens; the others leave them out. */
  readonly sendsEmptyCredentials: boolean;
  /** Its archives end with two zero blocks. */
  readonly closesArchives: boolean;
  /** A search carries X-Docker-Token. */
  readonly searchesWithToken: boolean;
  /** How several lines of X-Docker-Token are joined. */
  readonly tokenSeparator: string;
  /** The last list of a push names checksums. */
  readonly announcesChecksums: boolean;
}

const first: Engine = {
  version: "0.5.3",
  userAgent: "docker/0.5.3 go/go1.1 git-commit/5d25f32 kernel/3.8.0-19-generic",
  plainUserAgent: "Go http package",
  asksVersion2: false,
  isStrict: true,
  checksums: "ahead",
  tagsAncestors: false,
  pullsNewestFirst: true,
  hasLayerType: false,
  asksOneTag: false,
  sendsEmptyCredentials: true,
  closesArchives: false,
  searchesWithToken: false,
  tokenSeparator: ", ",
  announcesChecksums: true,
};

const sixth: Engine = {
  ...first,
  version: "0.6.7",
  userAgent: "docker/0.6.7 go/go1.2rc5 git-commit/cb48ecc kernel/3.8.0-33-generic",
  checksums: "tarsum",
  tagsAncestors: true,
};

const tenth: Engine = {
  ...sixth,
  version: "0.10.0",
  userAgent: "docker/0.10.0 go/go1.2.1 git-commit/dc9c28f kernel/3.13.0-24-generic os/linux arch/amd64",
  plainUserAgent: "Go 1.1 package http",
  checksums: "both",
  tagsAncestors: false,
  pullsNewestFirst: false,
  searchesWithToken: true,
  tokenSeparator: ",",
  announcesChecksums: false,
};

const third: Engine = {
  ...tenth,
  version: "1.3.3",
  userAgent: "docker/1.3.3 go/go1.3.3 git-commit/d344625 kernel/3.16.0-4-amd64 os/linux arch/amd64",
  isStrict: false,
  hasLayerType: true,
  closesArchives: true,
};

const fifth: Engine = {
  ...third,
  version: "1.5.0",
  userAgent: "docker/1.5.0 go/go1.3.3 git-commit/a8a31ef kernel/3.16.0-4-amd64 os/linux arch/amd64",
  asksVersion2: true,
};

const ninth: Engine = {
  ...fifth,
  version: "1.9.1",
  userAgent: "docker/1.9.1 go/go1.4.3 git-commit/a34a1d5 kernel/3.19 os/linux arch/amd64",
  plainUserAgent: undefined,
  asksOneTag: true,
  sendsEmptyCredentials: false,
};

export const engines: readonly Engine[] = [first, sixth, tenth, third, fifth, ninth];

/** The engine of a version that is in the list. */
export function engineOf(version: string): Engine {
  const found = engines.find((each) => each.version === version);
  if (found === undefined) throw new Error(`no engine ${version} is described here`);
  return found;
}
