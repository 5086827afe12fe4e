/**
 * The CloudFront Function of the pages: portal links and the dashboard's own paths name no file.
 * Runtime 2.0 runs plain JavaScript without modules:
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html
 */
export const PAGE_PATHS_CODE = `function handler(event) {
  var request = event.request
  if (request.uri.startsWith('/p/')) {
    request.uri = '/portal.html'
  } else if (!request.uri.slice(request.uri.lastIndexOf('/')).includes('.')) {
    request.uri = '/index.html'
  }
  return request
}
`
