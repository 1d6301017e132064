#!/bin/sh
# Runs a program of RabbitMQ. Its files are in POD_DIR, where a volume "config" has its
# configuration.
set -e
export HOME="$POD_DIR" RABBITMQ_PID_FILE="$POD_DIR/pid" RABBITMQ_MNESIA_BASE="$POD_DIR/mnesia"
export RABBITMQ_LOG_BASE="$POD_DIR" RABBITMQ_LOGS=- RABBITMQ_ENABLED_PLUGINS_FILE="$POD_DIR/plugins"
export RABBITMQ_CONF_ENV_FILE="$POD_DIR/none" RABBITMQ_CONFIG_FILES="$POD_DIR/config"
exec "/usr/lib/rabbitmq/bin/$@"
