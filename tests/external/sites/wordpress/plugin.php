<?php
// Shows visitors what WordPress knows of their request, instead of a theme, and sends nothing elsewhere.

add_filter('pre_http_request', fn () => new WP_Error('none', 'The test has no other hosts.'));
add_filter('pre_wp_mail', '__return_true');
add_filter('template_include', fn () => exit(home_url($_SERVER['REQUEST_URI']) . " for {$_SERVER['HTTP_X_FORWARDED_FOR']}"));
