import { expect, test } from 'vitest'
import {
  compilePattern,
  UnsupportedPatternError,
} from '../../../infra/local/triggers/event-pattern.ts'

const EVENT = {
  source: 'aws.s3',
  'detail-type': 'Object Created',
  resources: ['arn:aws:s3:::staging', 'arn:aws:s3:::other'],
  detail: {
    bucket: { name: 'staging' },
    object: { key: 'staging/safe/upl_1', size: 42, etag: null },
    tags: [{ key: 'a' }, { key: 'b' }],
    deleted: false,
  },
}

const ofKey = (alternative: unknown) => ({ detail: { object: { key: [alternative] } } })
const ofSize = (...comparison: unknown[]) => ({
  detail: { object: { size: [{ numeric: comparison }] } },
})

test.each<[string, Record<string, unknown>, boolean]>([
  ['exact', { source: ['aws.s3'], 'detail-type': ['Object Created'] }, true],
  ['exact, another value', { source: ['aws.ec2'] }, false],
  ['one of several', { source: ['aws.ec2', 'aws.s3'] }, true],
  ['one field of several fails', { source: ['aws.s3'], account: ['1'] }, false],
  ['a number', { detail: { object: { size: [42] } } }, true],
  ['a number is no text', { detail: { object: { size: ['42'] } } }, false],
  ['null', { detail: { object: { etag: [null] } } }, true],
  ['a boolean', { detail: { deleted: [false] } }, true],
  ['an element of an array', { resources: ['arn:aws:s3:::other'] }, true],
  ['no element of an array', { resources: ['arn:aws:s3:::third'] }, false],
  ['an object in an array', { detail: { tags: { key: ['b'] } } }, true],
  ['prefix', ofKey({ prefix: 'staging/' }), true],
  ['prefix, another', ofKey({ prefix: 'downloads/' }), false],
  ['prefix ignoring case', ofKey({ prefix: { 'equals-ignore-case': 'STAGING/' } }), true],
  ['suffix', ofKey({ suffix: 'upl_1' }), true],
  ['suffix, another', ofKey({ suffix: '.png' }), false],
  ['equals-ignore-case', { source: [{ 'equals-ignore-case': 'AWS.S3' }] }, true],
  ['wildcard', ofKey({ wildcard: 'staging/*/upl_*' }), true],
  ['wildcard is no expression', ofKey({ wildcard: 'staging.safe*' }), false],
  ['wildcard with an asterisk', ofKey({ wildcard: 'staging/\\*' }), false],
  ['anything-but', { source: [{ 'anything-but': 'aws.ec2' }] }, true],
  ['anything-but a list', { source: [{ 'anything-but': ['aws.ec2', 'aws.s3'] }] }, false],
  ['anything-but a prefix', ofKey({ 'anything-but': { prefix: 'staging/' } }), false],
  ['anything-but suffixes', ofKey({ 'anything-but': { suffix: ['.png', '.gif'] } }), true],
  ['anything-but of what is absent', { absent: [{ 'anything-but': 'x' }] }, false],
  ['exists', ofKey({ exists: true }), true],
  ['exists is of leaves', { detail: { object: [{ exists: true }] } }, false],
  ['exists not', { detail: { version: [{ exists: false }] } }, true],
  ['exists not, but does', ofKey({ exists: false }), false],
  ['numeric =', ofSize('=', 42), true],
  ['numeric range', ofSize('>', 0, '<=', 42), true],
  ['numeric out of range', ofSize('>=', 0, '<', 42), false],
  ['numeric of a text', { source: [{ numeric: ['>', 0] }] }, false],
  ['empty', {}, true],
])('%s: %j is %s', (_name, pattern, expected) => {
  expect(compilePattern(pattern)(EVENT)).toBe(expected)
})

test.each<[Record<string, unknown>, RegExp]>([
  [{ detail: { ip: [{ cidr: '10.0.0.0/24' }] } }, /cidr.*detail\.ip/],
  [{ $or: [{ source: ['a'] }] }, /\$or/],
  [ofKey({ prefix: 'a', suffix: 'b' }), /suffix/],
  [ofKey({ 'anything-but': { cidr: '10.0.0.0/8' } }), /cidr/],
  [ofSize('~', 1), /~/],
  [ofKey({ exists: 'yes' }), /exists/],
  [{ source: 'aws.s3' }, /source must be a list/],
])('%j is refused and named', (pattern, message) => {
  expect(() => compilePattern(pattern)).toThrow(UnsupportedPatternError)
  expect(() => compilePattern(pattern)).toThrow(message)
})
