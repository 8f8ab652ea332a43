// The door of the Docker Registry API v1 and the Docker Hub API v1.
export type { Accounts, Credentials, Grant, Registration } from "./accounts.ts";
export type { Mode } from "./deciding.ts";
export { type DockerV1Options, openDockerV1Door } from "./door.ts";
export { dockerV1Errors } from "./errors.ts";
export type { Token, TokenAccess } from "./tokens.ts";
