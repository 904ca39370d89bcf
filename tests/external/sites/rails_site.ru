# A site of Rails for Puma: pages, an area for operators, and the health check that Rails has had since 7.1.

require "action_controller/railtie"

class Site < Rails::Application
  config.eager_load = false
  config.hosts << "site.example"
  config.load_defaults 6.1
  config.logger = Logger.new($stderr, level: :warn)
  config.public_file_server.enabled = true
  config.root = Dir.pwd
  config.secret_key_base = "of a test"

  routes.append do
    get "up", to: "pages#up"
    get "leave", to: "pages#leave"
    get "admin", to: "admin#show"
    get "admin/login", to: "admin#login"
    post "admin/login", to: "admin#enter"
    root to: "pages#show"
    match "*path", to: "pages#show", via: :all
  end
end

Site.initialize!

class PagesController < ActionController::Base
  skip_forgery_protection

  def show = render(plain: "#{request.url} for #{request.remote_ip}")
  def up = render(plain: "Rails is up")
  def leave = redirect_to("/arrive")
end

class AdminController < ActionController::Base
  LOGIN = <<~HTML
    <link rel="stylesheet" href="/assets/site.css">
    <%= form_with(url: "/admin/login") { |form| form.text_field(:name) } %>
  HTML

  def show = session[:name] ? render(plain: "Hello #{session[:name]}") : redirect_to("/admin/login")
  def login = render(inline: LOGIN)

  def enter
    session[:name] = params[:name]
    redirect_to "/admin"
  end
end

run Site
