<?php
// Installs WordPress, with an operator, a plugin that adds to the dashboard, a page, and another one that has moved.

(new mysqli('localhost', 'root', '', '', 0, __DIR__ . '/database.sock'))->query('CREATE DATABASE site');
define('WP_INSTALLING', true);
require 'wp-load.php';
require 'wp-admin/includes/upgrade.php';
wp_install('Site', 'operator', 'operator@site.example', true, '', 'secret');
$wp_rewrite->set_permalink_structure('/%postname%');
$wp_rewrite->flush_rules();
activate_plugin('akismet/akismet.php', silent: true);
$post = ['post_status' => 'publish', 'post_title' => 'Post'];
wp_insert_post(['post_name' => 'page'] + $post);
wp_insert_post(['post_name' => 'arrive', 'meta_input' => ['_wp_old_slug' => 'leave']] + $post);
