/** The only file that reads `process.env`. */
import type { EnvName } from './env-names.ts'

/** Value of a variable that the stack sets; its absence is a fault of the deployment and stops the cold start. */
export function requireEnv(name: EnvName): string {
  const value = process.env[name]
  if (value === undefined || value === '')
    throw new Error(`Environment variable ${name} is not set`)
  return value
}

export function optionalEnv(name: EnvName): string | undefined {
  return process.env[name] || undefined
}
