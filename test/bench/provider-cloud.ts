/** A local cloud whose one provider is an emulator in a process of its own, as a real one would be. */
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import { providerVariables } from '../../infra/local/provider-emulators.ts'
import type { OauthProviderId } from '../../shared/providers/providers.ts'
import { type BenchCloud, withBenchCloud } from './bench-cloud.ts'
import { startChild } from './child.ts'
import { withTempDir } from './temp-dir.ts'

export interface OAuthApp {
  clientId: string
  clientSecret: string
}

export interface ProviderCloud extends BenchCloud {
  providerUrl: string
  /** The client by which the app is known there. */
  app: OAuthApp
  /** A folder that goes with the cloud. */
  dataDir: string
}

/** Google asks for names of this form. */
const APP: OAuthApp = { clientId: 'bench.apps.googleusercontent.com', clientSecret: 'bench-secret' }

/** `parent` is the folder in which the cloud's own data folder is made. */
export async function withProviderCloud<T>(
  stage: BuiltStage,
  provider: OauthProviderId,
  parent: string,
  use: (cloud: ProviderCloud) => Promise<T>,
): Promise<T> {
  return withTempDir(async (emulatorDir) => {
    const emulator = await startChild<{ url: string }>('emulator-process.ts', [
      provider,
      emulatorDir,
    ])
    const providerUrl = emulator.hello.url
    try {
      return await withBenchCloud(
        stage,
        (bench, dataDir) => use({ ...bench, providerUrl, app: APP, dataDir }),
        {
          provider,
          parent,
          cloudOptions: {
            oauthClients: { [provider]: APP },
            environment: providerVariables(provider, providerUrl),
          },
          async onStarted({ urls }) {
            const redirectUris = [
              `${urls.app}/api/auth/callback/${provider}`,
              `${urls.app}/api/oauth/${provider}/callback`,
              // Where rclone's consent ends.
              `${providerUrl}/`,
            ]
            await emulator.ask({ ...APP, redirectUris })
          },
        },
      )
    } finally {
      await emulator.close()
    }
  })
}
