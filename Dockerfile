# The packages, with their hashes checked; pip stays out of the final image.
FROM python:3.13-slim-trixie AS packages
COPY requirements.lock /tmp/requirements.lock
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --no-cache-dir --only-binary :all: --require-hashes \
        --requirement /tmp/requirements.lock

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title="Easel" \
    org.opencontainers.image.description="A self-hosted Discord bot that makes pictures from words" \
    org.opencontainers.image.licenses="MIT"
RUN groupadd --gid 10001 easel \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin easel \
    && install --directory --owner=10001 --group=10001 --mode=700 /data
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
# .dockerignore names what comes along.
COPY . .
RUN ["/opt/venv/bin/python", "-m", "compileall", "-q", "."]
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data \
    METRICS_PORT=9090
VOLUME ["/data"]
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=5s --start-period=2m --retries=3 CMD ["python", "deploy/healthcheck.py"]
ENTRYPOINT ["python", "bot.py"]
