/**
 * Stands in for packages in bundles that are loaded and never reached, or only made:
 *
 * - `google-auth-library` and `node-fetch`: googleapis is always given an access token and the
 *   runtime's own `fetch`;
 * - `@smithy/core/event-streams`: the S3 client prepares for them, no call of ours has one;
 * - `@aws-sdk/endpoint-cache`: the DynamoDB client makes one for endpoint discovery, which is off
 *   (https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoint-discovery.html).
 */

/** googleapis-common extends it when it is loaded. */
export class GoogleAuth {}

const runtimeFetch = globalThis.fetch

export { runtimeFetch as default }

export function resolveEventStreamSerdeConfig<Config>(config: Config): Config {
  return config
}

export const eventStreamSerdeProvider = undefined

export class EndpointCache {}
