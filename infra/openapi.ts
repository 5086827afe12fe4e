/** `npm run openapi`: writes `docs/openapi.json`. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openApiText } from './openapi/openapi-document.ts'

const FILE = join(import.meta.dirname, '../docs/openapi.json')

await writeFile(FILE, openApiText())
console.log(`Wrote ${FILE}`)
