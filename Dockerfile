# Corral's own server. Needs neither BuildKit nor anything but a package registry at build time; what it makes has no
# shell, no package manager and no root user, and runs with a read-only root file system. Data lies in /var/lib/corral,
# a corral.yaml (where there is one) in /etc/corral.
FROM node:24-bookworm-slim AS modules
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund --omit=dev --omit=optional --omit=peer \
 && rm -rf node_modules/.cache node_modules/@types \
 && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund --omit=optional
# the bundler of the page and the sandboxes' daemon is an optional package of its platform
RUN npm install --no-save --ignore-scripts --no-audit --no-fund "@esbuild/linux-$(node -p process.arch)@$(node -p "require('esbuild/package.json').version")"
COPY . .
RUN node src/app/images/bundle-sandboxd.ts sandbox-images/sandboxd.mjs && node src/app/page/bundle-page.ts page && node src/app/bundle-server.ts server
# all that a program of Node's needs of a system: its own libraries, time zones, a temporary folder, a name for its user
RUN mkdir -p /root-fs/app /root-fs/etc/corral /root-fs/tmp /own/corral \
 && chmod 0775 /own/corral \
 && ldd /usr/local/bin/node | grep -o '/[^ ]*\.so[^ ]*' | xargs -I{} cp --parents -L {} /root-fs \
 && cp --parents /usr/local/bin/node /root-fs \
 && { cp -r --parents /usr/share/zoneinfo /root-fs 2>/dev/null || true; } \
 && echo 'corral:x:10000:10000::/var/lib/corral:/sbin/nologin' > /root-fs/etc/passwd \
 && echo 'corral:x:10000:' > /root-fs/etc/group \
 && cp -r package.json page server src machines drivers sandbox-images scripts docs /root-fs/app/ \
 && chmod 1777 /root-fs/tmp

FROM scratch
COPY --from=build /root-fs/ /
COPY --from=modules /app/node_modules/ /app/node_modules/
COPY --from=build --chown=10000:0 /own/ /var/lib/
# memory: as package.json says under serverProcess
ENV HOST=0.0.0.0 PORT=8000 CORRAL_DATA_DIR=/var/lib/corral HOME=/var/lib/corral NODE_ENV=production \
    MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=32768
WORKDIR /etc/corral
USER 10000:10000
EXPOSE 8000
VOLUME /var/lib/corral
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["/usr/local/bin/node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then((it) => process.exit(it.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/usr/local/bin/node", "--disable-warning=ExperimentalWarning", "--v8-pool-size=1", "--min-semi-space-size=4", "--max-semi-space-size=4", "--scavenger-max-new-space-capacity-mb=2", "/app/server/main.js"]
