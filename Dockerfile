# syntax=docker/dockerfile:1
# The production image; docker-compose.yml says which process each container runs.

FROM node:22-slim AS front-end
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM python:3.13-slim AS build
WORKDIR /app
RUN python -m venv /opt/venv
COPY requirements/runtime.txt requirements/
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY . .
COPY --from=front-end /build/node_modules node_modules
RUN python soc_portal/set_up.py vendor \
    && rm -rf node_modules \
    && /opt/venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && /opt/venv/bin/python -m compileall -q .

FROM nginxinc/nginx-unprivileged:1.28-alpine AS proxy
COPY deploy/nginx/portal.conf /etc/nginx/conf.d/default.conf
COPY deploy/nginx/zones.conf /etc/nginx/conf.d/zones.conf
COPY deploy/nginx/server.inc /etc/nginx/portal/server.inc
COPY --from=build /app/staticfiles /srv/static

FROM python:3.13-slim AS portal
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin portal \
    && install -d -o 10001 -g 10001 /var/lib/portal/agents /var/lib/portal/signer /var/lib/portal/agents-tls \
        /var/lib/portal/files
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app \
    DJANGO_SETTINGS_MODULE=soc_portal.settings
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
USER 10001:10001
CMD ["gunicorn", "--config", "deploy/gunicorn.conf.py", "soc_portal.wsgi:application"]
