/**
 * What every sandbox has in /etc, whatever its root: one user for programs, nobody else's names, and no way to look up
 * a host. By file name.
 */
export const sandboxEtc: Readonly<Record<string, string>> = {
  passwd:
    'root:x:0:0:root:/:/usr/sbin/nologin\nrunner:x:1000:1000:runner:/work:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n',
  group: 'root:x:0:\nrunner:x:1000:\nnogroup:x:65534:\n',
  hosts: '127.0.0.1 localhost paddock\n::1 localhost\n',
  hostname: 'paddock\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
  'resolv.conf': '',
};
