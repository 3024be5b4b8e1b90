# frozen_string_literal: true

# The Ruby runtime: loads the handler, then answers invocation after invocation.

require 'json'
require 'socket'

module Fogbank
  # The Runtime API as a runtime sees it: one kept connection, one write for a request.
  class Api
    VERSION = '/2018-06-01/runtime'

    def initialize(address)
      @address = address
      host, port = address.split(':')
      @socket = TCPSocket.new(host, port.to_i)
      @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    end

    # Waits for the next invocation: headers by their names in lower case, and the event.
    def next
      @socket.write("#{head('GET', '/invocation/next')}\r\n")
      answer
    end

    def post(path, body, headers)
      lines = headers.map { |name, value| "#{name}: #{value}\r\n" }.join
      request = "#{head('POST', path)}#{lines}Content-Length: #{body.bytesize}\r\n\r\n".b
      @socket.write(request << body.b)
      answer
    end

    private

    def head(method, path)
      "#{method} #{VERSION}#{path} HTTP/1.1\r\nHost: #{@address}\r\n"
    end

    def answer
      @socket.gets || exit!(0) # the platform is gone, and this sandbox with it
      headers = {}
      while (line = @socket.gets.to_s.chomp) != ''
        name, value = line.split(':', 2)
        headers[name.downcase] = value.strip
      end
      [headers, @socket.read(headers.fetch('content-length', '0').to_i).to_s.force_encoding(Encoding::UTF_8)]
    end
  end

  # What a handler gets as `context`.
  class Context
    attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name,
                :memory_limit_in_mb, :function_version, :identity, :client_context, :deadline_ms, :tenant_id

    def initialize(headers)
      @aws_request_id = headers['lambda-runtime-aws-request-id']
      @deadline_ms = headers['lambda-runtime-deadline-ms'].to_i
      @invoked_function_arn = headers['lambda-runtime-invoked-function-arn']
      @identity = parsed(headers['lambda-runtime-cognito-identity'])
      @client_context = parsed(headers['lambda-runtime-client-context'])
      @tenant_id = headers['lambda-runtime-aws-tenant-id']
      @log_group_name = ENV['AWS_LAMBDA_LOG_GROUP_NAME']
      @log_stream_name = ENV['AWS_LAMBDA_LOG_STREAM_NAME']
      @function_name = ENV['AWS_LAMBDA_FUNCTION_NAME']
      @memory_limit_in_mb = ENV['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']
      @function_version = ENV['AWS_LAMBDA_FUNCTION_VERSION']
    end

    def get_remaining_time_in_millis # rubocop:disable Naming/AccessorMethodName
      [@deadline_ms - Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond), 0].max
    end

    private

    def parsed(text)
      text && !text.empty? ? JSON.parse(text) : nil
    end
  end

  # `file.method`, or `file.Module::Class.method` for a method of a class.
  class Handler
    def initialize(name)
      file, *rest = name.to_s.split('.')
      raise ArgumentError, "Invalid handler #{name}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where " \
                           'FILENAME corresponds with an existing Ruby source file FILENAME.rb, CLASS is an optional ' \
                           'module/class namespace and METHOD is a callable method. If using CLASS, METHOD must be a ' \
                           'class-level method.' unless [1, 2].include?(rest.size)

      require File.expand_path(file, ENV.fetch('LAMBDA_TASK_ROOT', '/var/task'))
      @method = rest.last
      @target = rest.size == 2 ? Kernel.const_get(rest.first) : nil
    end

    def call(event, context)
      return @target.send(@method, event: event, context: context) if @target

      Object.new.send(@method, event: event, context: context)
    end
  end

  # Serves until the sandbox ends.
  class Runtime
    JSON_TYPE = { 'Content-Type' => 'application/json' }.freeze

    def run
      $stdout.sync = true
      $stderr.sync = true
      @api = Api.new(ENV.fetch('AWS_LAMBDA_RUNTIME_API'))
      handler = loaded
      serve(handler, *@api.next) while true
    end

    private

    def loaded
      Handler.new(ENV['_HANDLER'])
    rescue Exception => e # rubocop:disable Lint/RescueException
      exit!(1) if e.is_a?(SystemExit)
      fail('/init/error', e, 'Init')
      exit!(1)
    end

    def serve(handler, headers, body)
      path = "/invocation/#{headers['lambda-runtime-aws-request-id']}"
      ENV['_X_AMZN_TRACE_ID'] = headers['lambda-runtime-trace-id']
      begin
        answer, type = marshalled(handler.call(JSON.parse(body), Context.new(headers)))
      rescue SystemExit
        raise
      rescue Exception => e # rubocop:disable Lint/RescueException
        fail("#{path}/error", e, 'Function')
        exit!(1) unless e.is_a?(StandardError) || e.is_a?(ScriptError)
        return
      end
      @api.post("#{path}/response", answer, { 'Content-Type' => type })
    end

    def marshalled(value)
      return [value.read, 'application/unknown'] if value.respond_to?(:read)

      [JSON.generate(value), 'application/json']
    end

    def fail(path, error, place)
      type = "#{place}<#{error.class}>"
      trace = (error.backtrace || []).reject { |line| line.include?('/_fogbank/') }
      $stderr.write("Error raised from handler method\n") if place == 'Function'
      document = { 'errorMessage' => error.message.dup.force_encoding(Encoding::UTF_8).scrub, 'errorType' => type,
                   'stackTrace' => trace }
      $stderr.write("#{JSON.generate(document)}\n")
      @api.post(path, JSON.generate(document), JSON_TYPE.merge('Lambda-Runtime-Function-Error-Type' => type))
    end
  end
end

Fogbank::Runtime.new.run
