/** S3's XML: a small writer, and a reader for the bodies that clients send. */
import type { ServerResponse } from 'node:http'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import type { CorsRule } from './bucket-registry.ts'
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm, checksumElement } from './checksums.ts'
import { malformedXml } from './s3-errors.ts'

/** An element's content: text, members, or a list that repeats the element; undefined leaves it out. */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | XmlValue[]
  | { [element: string]: XmlValue }

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

export function renderXml(root: string, content: XmlValue): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${NAMESPACE}">${inner(content)}</${root}>`
}

export function sendXml(
  response: ServerResponse,
  root: string,
  content: XmlValue,
  status = 200,
): void {
  const body = Buffer.from(renderXml(root, content))
  response.writeHead(status, {
    'content-type': 'application/xml',
    'content-length': body.length,
  })
  response.end(body)
}

function inner(value: XmlValue): string {
  if (value === undefined) return ''
  if (typeof value !== 'object') return escapeXml(String(value))
  return Object.entries(value)
    .map(([name, content]) => element(name, content))
    .join('')
}

function element(name: string, content: XmlValue): string {
  if (content === undefined) return ''
  if (Array.isArray(content)) return content.map((item) => element(name, item)).join('')
  return `<${name}>${inner(content)}</${name}>`
}

/** Control characters are legal in keys but not in XML text: S3 writes them as references. */
function escapeXml(text: string): string {
  return (
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to be written otherwise
      .replaceAll(/[\u0000-\u001f\u007f]/g, (character) => `&#${character.charCodeAt(0)};`)
  )
}

export interface DeleteRequest {
  quiet: boolean
  keys: string[]
}

export interface CompletedPart {
  partNumber: number
  etag: string
  checksums: Partial<Record<ChecksumAlgorithm, string>>
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html: up to 1,000 keys. */
const MAX_DELETED_KEYS = 1000

export function parseDelete(xml: string): DeleteRequest {
  const root = parseRoot(xml, 'Delete')
  const keys = list(root['Object']).map((item) => text(members(item)['Key']))
  if (keys.length === 0 || keys.length > MAX_DELETED_KEYS || keys.includes('')) throw malformedXml()
  return { quiet: optionalText(root['Quiet']).trim() === 'true', keys }
}

export function parseCompletedParts(xml: string): CompletedPart[] {
  const parts = list(parseRoot(xml, 'CompleteMultipartUpload')['Part']).map((item) => {
    const part = members(item)
    const partNumber = Number(text(part['PartNumber']).trim())
    if (!Number.isInteger(partNumber)) throw malformedXml()
    const checksums: CompletedPart['checksums'] = {}
    for (const algorithm of CHECKSUM_ALGORITHMS) {
      const value = optionalText(part[checksumElement(algorithm)]).trim()
      if (value !== '') checksums[algorithm] = value
    }
    return { partNumber, etag: text(part['ETag']).trim().replaceAll('"', ''), checksums }
  })
  if (parts.length === 0) throw malformedXml()
  return parts
}

export function parseTagging(xml: string): Record<string, string> {
  const tagSet = parseRoot(xml, 'Tagging')['TagSet']
  if (tagSet === undefined) throw malformedXml()
  if (typeof tagSet === 'string') return {}
  const tags = list(members(tagSet)['Tag']).map((item) => {
    const tag = members(item)
    return [text(tag['Key']), optionalText(tag['Value'])] as const
  })
  return Object.fromEntries(tags)
}

export function parseCorsRules(xml: string): CorsRule[] {
  return list(parseRoot(xml, 'CORSConfiguration')['CORSRule']).map((item) => {
    const rule = members(item)
    const texts = (name: string) => list(rule[name]).map(text)
    const maxAge = optionalText(rule['MaxAgeSeconds'])
    return {
      AllowedOrigins: texts('AllowedOrigin'),
      AllowedMethods: texts('AllowedMethod'),
      AllowedHeaders: texts('AllowedHeader'),
      ExposedHeaders: texts('ExposeHeader'),
      ...(maxAge !== '' && { MaxAge: Number(maxAge) }),
    }
  })
}

// htmlEntities also switches numeric references on: the SDK writes a carriage return in a key as &#13;
const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  htmlEntities: true,
})

type Members = Record<string, unknown>

function parseRoot(xml: string, name: string): Members {
  // Entities of one's own are no part of S3's schema, and a known way to exhaust a parser.
  if (xml.includes('<!DOCTYPE') || XMLValidator.validate(xml) !== true) throw malformedXml()
  const root = members(parser.parse(xml))[name]
  return root === '' ? {} : members(root)
}

function members(value: unknown): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformedXml()
  return Object.fromEntries(Object.entries(value))
}

function list(value: unknown): unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw malformedXml()
  return value
}

function optionalText(value: unknown): string {
  return value === undefined ? '' : text(value)
}
