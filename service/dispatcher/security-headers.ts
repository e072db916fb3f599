/**
 * On every answer, whatever it is: a browser that is made to open one takes it for no page, runs nothing of it and shows
 * it to no other site. They are Helmet's, without HSTS (whoever puts TLS in front decides that), as a constant: its
 * plugin works them out anew for each request, which would be a fifth of all that the dispatcher does for an execution.
 */
export const securityHeaders: Readonly<Record<string, string>> = Object.freeze({
  'content-security-policy': "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'SAMEORIGIN',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
});
