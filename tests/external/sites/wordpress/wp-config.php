<?php
// The settings of the site, with the lines of the document in recipe.php.

define('DB_HOST', 'localhost:' . __DIR__ . '/database.sock');
define('DB_NAME', 'site');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_CHARSET', 'utf8mb4');
define('WP_HOME', 'http://site.example');
define('WP_SITEURL', WP_HOME);
$table_prefix = 'wp_';

require 'recipe.php';
require ABSPATH . 'wp-settings.php';
